package worker

import (
	"net"
	"slices"
	"sync"
)

// maxConnections is how many clients of the health server may be connected. A
// probe and a scraper or two need a handful.
const maxConnections = 16

// cappedListener keeps the newest connections: at the limit, a new one ends
// the oldest. So clients that say nothing neither use up the process's files
// nor keep a probe from its answer.
type cappedListener struct {
	net.Listener
	mu   sync.Mutex
	open []*cappedConn // oldest first
}

// Accept implements net.Listener.
func (l *cappedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &cappedConn{conn, l}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.open) == maxConnections {
		_ = l.open[0].Conn.Close() // whose reads and writes fail then
		l.open = l.open[1:]
	}
	l.open = append(l.open, c)
	return c, nil
}

type cappedConn struct {
	net.Conn
	listener *cappedListener
}

// Close implements net.Conn.
func (c *cappedConn) Close() error {
	l := c.listener
	l.mu.Lock()
	l.open = slices.DeleteFunc(l.open, func(o *cappedConn) bool { return o == c })
	l.mu.Unlock()
	return c.Conn.Close()
}
