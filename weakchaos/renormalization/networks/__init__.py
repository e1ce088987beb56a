"""Networks of the user: signals, spectra, gains and geometry of their layers."""
