"""Ising lattices whose spins are bits: 64 of them are moved by each instruction."""
