// Package utc formats times for people, who may read them in another time zone than they were written in.
package utc

import "time"

// Format returns the time in UTC to the second, and says so: 2026-03-01 12:00:00 UTC.
func Format(t time.Time) string { return t.UTC().Format(time.DateTime) + " UTC" }
