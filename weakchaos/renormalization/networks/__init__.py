"""Networks as people have them: signals, spectra, gains and geometry of their layers."""
