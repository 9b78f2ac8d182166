package plot

import "math"

// SVG draws the lines.
func (l Lines) SVG() []byte {
	c, f := newField(l.Head, l.Buckets, l.Series, values(l.Series)...)
	if f == nil {
		return c.noData()
	}
	c.legend(names(l.Series), series)
	for i, s := range l.Series {
		f.curve(s, colourOf(i), lineWidth)
	}
	return c.end()
}

// SVG draws the bars.
func (b Bars) SVG() []byte {
	totals := make([]float64, len(b.Labels))
	for i := range totals {
		for _, s := range b.Series {
			if v := s.at(i); known(v) {
				totals[i] += max(v, 0)
			}
		}
	}
	c, f := newField(b.Head, b.Buckets, b.Series, totals)
	if f == nil {
		return c.noData()
	}
	c.legend(names(b.Series), series)
	for i := range b.Labels {
		below := 0.0
		for n, s := range b.Series {
			if v := s.at(i); known(v) {
				f.bar(i, below, below+max(v, 0), s, colourOf(n))
				below += max(v, 0)
			}
		}
	}
	return c.end()
}

// SVG draws the bars of both directions, and the line.
func (m Mirrored) SVG() []byte {
	down := Series{m.Down.Name, make([]float64, len(m.Labels))}
	net := m.net()
	for i := range m.Labels {
		down.Values[i] = -m.Down.at(i)
	}
	both := []Series{m.Up, m.Down}
	c, f := newField(m.Head, m.Buckets, both, m.Up.Values, down.Values)
	if f == nil {
		return c.noData()
	}
	c.legend([]string{m.Up.Name, m.Down.Name, m.Net}, []colour{colourOf(0), colourOf(1), ink})
	for i := range m.Labels {
		if v := m.Up.at(i); known(v) {
			f.bar(i, 0, v, m.Up, colourOf(0))
		}
		if v := down.at(i); known(v) {
			f.bar(i, 0, v, m.Down, colourOf(1))
		}
	}
	f.curve(net, ground, edgeWidth)
	f.curve(net, ink, lineWidth)
	return c.end()
}

// net is known where both are.
func (m Mirrored) net() Series {
	net := Series{m.Net, make([]float64, len(m.Labels))}
	for i := range net.Values {
		net.Values[i] = m.Up.at(i) - m.Down.at(i)
	}
	return net
}

// bar draws a part of a bucket's bar. One of zero is a line, as it is known.
func (f *field) bar(i int, from, to float64, s Series, fill colour) {
	y1, y2 := f.y(max(from, to)), f.y(min(from, to))
	space := math.Min(2, (f.edge(1)-f.edge(0))/5)
	x, w := f.edge(i)+space/2, f.edge(1)-f.edge(0)-space
	told := f.Labels[i] + ", " + s.Name + ": " + f.Unit.Text(s.at(i))
	if f.unfinished(i) && y2-y1 >= 2 {
		f.hollow(x, y1, w, y2-y1, fill, told)
		return
	}
	f.rect(x, min(y1, y2-1), w, max(y2-y1, 1), fill, told)
}

func colourOf(i int) colour { return series[i%len(series)] }

func names(list []Series) []string {
	texts := make([]string, len(list))
	for i, s := range list {
		texts[i] = s.Name
	}
	return texts
}

func values(list []Series) [][]float64 {
	all := make([][]float64, len(list))
	for i, s := range list {
		all[i] = s.Values
	}
	return all
}
