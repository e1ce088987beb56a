"""Mean-field theory of activations, phases and recurrent dynamics."""
