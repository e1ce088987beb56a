"""The chaotic Boltzmann machine: a billiard whose side changes are spin flips."""
