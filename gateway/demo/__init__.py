"""`crosspoint demo`: a gateway, an application and two telephones in one process; a call, a recording, its ladder and picture."""

from gateway.demo.run import run

__all__ = ["run"]
