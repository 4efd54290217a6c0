"""Reads workloads for gates, releases and replays. It holds no kind."""
