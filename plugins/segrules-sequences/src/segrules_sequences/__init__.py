"""Timed e-mail sequences for customers who enter or leave a segment of segrules."""
