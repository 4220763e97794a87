"""What may be asked: `entitlements` and `terms` are lists kept up to date, `ledger` and `cards` are made from one stream."""
