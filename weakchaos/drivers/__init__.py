"""Drivers: streams of uniforms, from strongly chaotic generators to rotations with no chaos at all."""
