"""How fast do samplers converge, and can they be trusted?"""
