"""Bridges to other formats and libraries; each is imported only when used."""
