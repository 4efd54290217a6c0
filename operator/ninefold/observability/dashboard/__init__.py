"""Dashboard: Grafana dashboards made from objectives."""
