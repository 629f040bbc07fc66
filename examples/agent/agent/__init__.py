"""An example agent: answers health checks, chats through a model API, runs shell commands in its workspace."""
