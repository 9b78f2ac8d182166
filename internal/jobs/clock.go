package jobs

import (
	"sync/atomic"
	"time"
)

// Clock knows how far the database's clock is ahead of this machine's. Jobs go
// by the database's, whatever this machine's says: so all replicas agree, and a
// clock that is wrong delays nothing. The zero value takes both for equal.
type Clock struct{ ahead atomic.Int64 }

// Ahead is how far the database's clock is ahead, negative if it is behind.
func (c *Clock) Ahead() time.Duration { return time.Duration(c.ahead.Load()) }

// Measured takes a reading of the database's clock, made between two readings of
// this machine's. A difference that fits it stays as it is: the time that an
// answer takes isn't one.
func (c *Clock) Measured(asked, database, answered time.Time) {
	low, high := database.Sub(answered), database.Sub(asked)
	for {
		old := c.ahead.Load()
		if c.ahead.CompareAndSwap(old, min(max(old, int64(low)), int64(high))) {
			return
		}
	}
}

// Database is a time of this machine's clock by the database's.
func (c *Clock) Database(t time.Time) time.Time { return t.Add(c.Ahead()) }
