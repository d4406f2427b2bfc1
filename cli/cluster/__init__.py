"""`rostrum doctor --cluster`: `facts` are gathered (`gather`) and judged (`judge`, pure)."""
