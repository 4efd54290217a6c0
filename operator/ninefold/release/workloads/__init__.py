"""Workloads as gates, releases and replays read them. It holds no kind."""
