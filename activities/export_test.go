package activities

// LookAtMost changes how many deliveries a step of a reconciler looks into.
func LookAtMost(r *Reconciler, n int) { r.most = n }
