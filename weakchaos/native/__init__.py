"""The border to C: users' functions as addresses, compiled streams and maps, and the digest under which machine code is kept."""
