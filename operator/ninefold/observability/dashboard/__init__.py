"""Dashboard: Grafana dashboards generated from objectives."""
