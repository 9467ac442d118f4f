"""Programs for untrusted bytes. Each runs as a process of its own, with nothing but its input and hard limits."""
