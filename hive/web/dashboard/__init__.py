"""The operator's page: snapshot, actions, stream, and the agents' pages below it."""
