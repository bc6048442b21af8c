"""Companies whose originals are at an origin that is asked over http: nginx, and a server that misbehaves."""
