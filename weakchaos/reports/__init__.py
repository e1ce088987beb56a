"""The three questions of the product, each with its judgement, words, table, figure and page."""
