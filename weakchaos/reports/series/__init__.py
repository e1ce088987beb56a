"""Is a recorded series chaos, noise or regular?"""
