"""The operator's page: snapshot, actions, stream, and the way to every agent's page."""
