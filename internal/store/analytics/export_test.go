package analytics

// Small has r do its work in transactions of a few changes and days, and rest never.
func (r *Rollups) Small(changes, days int) { r.maxChanges, r.maxDays, r.rest = changes, days, 0 }
