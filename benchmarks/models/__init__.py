"""The product's models beside others: same tables, same folds, one thread each."""
