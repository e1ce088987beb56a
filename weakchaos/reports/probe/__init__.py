"""What do the layers of a network do to signals?"""
