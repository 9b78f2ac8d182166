package plot

import (
	"fmt"
	"math"
	"strings"
)

const (
	timesHeight    = 276
	maxLabels      = 8
	labelLimit     = 14
	noDataWords    = "no data"
	minGapForWords = 52
)

// field is where values are drawn along buckets of time.
type field struct {
	*canvas
	Head
	Buckets
	axis
	gaps []gap
}

// gap is buckets that were not fully watched, or of which there are no data, from one
// to before another.
type gap struct {
	from, to int
	empty    bool // nothing is known of them at all
	marked   bool // they were not fully watched
}

// newField draws the axes and shades gaps. It returns nil for a canvas without
// any number. shown are what the axis has to hold.
func newField(h Head, b Buckets, series []Series, shown ...[]float64) (*canvas, *field) {
	gaps, words := findGaps(b, series), []string{}
	for i, what := range []string{"Not fully watched: ", "No data: "} {
		var named []string
		for _, g := range gaps {
			if g.marked == (i == 0) {
				named = append(named, g.words(b))
			}
		}
		if len(named) > 0 {
			words = append(words, what+strings.Join(named, ", ")+".")
		}
	}
	if b.Unfinished && len(b.Labels) > 0 {
		words = append(words, "The last one, "+b.Labels[len(b.Labels)-1]+", still goes on.")
	}
	if nothing(series) {
		return newCanvas(h, timesHeight, append(words, "No data.")...), nil
	}
	f := &field{canvas: newCanvas(h, timesHeight, words...), Head: h, Buckets: b, axis: newAxis(h.Unit, shown...), gaps: gaps}
	for _, g := range gaps {
		f.shade(g)
	}
	for _, tick := range f.ticks {
		stroke := rule
		if tick == 0 {
			stroke = faint
		}
		f.line(left, f.y(tick), right, f.y(tick), stroke, "")
		f.text(left-6, f.y(tick)+4, faint, `text-anchor="end"`, h.Unit.short(tick), labelLimit)
	}
	every := (len(b.Labels) + maxLabels - 1) / maxLabels
	for i := 0; i < len(b.Labels); i += every {
		f.text(f.x(i), bottom+18, faint, `text-anchor="middle"`, b.Labels[i], labelLimit)
	}
	return f.canvas, f
}

func (g gap) words(b Buckets) string {
	if g.to == g.from+1 {
		return b.Labels[g.from]
	}
	return b.Labels[g.from] + " to " + b.Labels[g.to-1]
}

func (f *field) shade(g gap) {
	from, to := f.edge(g.from), f.edge(g.to)
	what := "not fully watched"
	if g.empty {
		what = noDataWords
	}
	f.rect(from, top, to-from, bottom-top, shade, g.words(f.Buckets)+": "+what)
	for _, x := range []float64{from, to} {
		f.line(x, top, x, bottom, faint, `stroke-dasharray="2 3"`)
	}
	if g.empty && to-from >= minGapForWords {
		f.text((from+to)/2, top+14, faint, `text-anchor="middle"`, noDataWords, labelLimit)
	}
}

// findGaps are the buckets that the caller says, and those in which no series
// knows anything.
func findGaps(b Buckets, series []Series) (gaps []gap) {
	for i := range b.Labels {
		empty := true
		for _, s := range series {
			empty = empty && !known(s.at(i))
		}
		marked := i < len(b.Gaps) && b.Gaps[i]
		if !empty && !marked {
			continue
		}
		if n := len(gaps) - 1; n >= 0 && gaps[n].to == i && gaps[n].empty == empty && gaps[n].marked == marked {
			gaps[n].to++
			continue
		}
		gaps = append(gaps, gap{i, i + 1, empty, marked})
	}
	return gaps
}

// at is the value of a bucket; NaN if the series ends before it.
func (s Series) at(i int) float64 {
	if i < len(s.Values) && known(s.Values[i]) {
		return s.Values[i]
	}
	return math.NaN()
}

func nothing(series []Series) bool {
	for _, s := range series {
		for _, v := range s.Values {
			if known(v) {
				return false
			}
		}
	}
	return true
}

// edge is where a bucket begins, x its middle, and y where a value is.
func (f *field) edge(i int) float64 {
	return left + float64((right-left)*float64(i)/float64(len(f.Labels)))
}
func (f *field) x(i int) float64 { return (f.edge(i) + f.edge(i+1)) / 2 }
func (f *field) y(v float64) float64 {
	return bottom - float64((bottom-top)*(v-f.low)/(f.high-f.low))
}

// unfinished reports whether a bucket still goes on.
func (f *field) unfinished(i int) bool { return f.Unfinished && i == len(f.Labels)-1 }

// lineWidth is that of a line, edgeWidth of the ground below one that crosses others.
const lineWidth, edgeWidth = 2, 5

// curve draws a line through what is known, and nothing where nothing is.
func (f *field) curve(s Series, stroke colour, size int) {
	var run []int
	flush := func() {
		switch n := len(run); {
		case n == 1: // between two that nobody knows
			f.dot(run[0], s, stroke, size)
		case n > 1:
			f.stroke(run[:n-1], s, stroke, size, "")
			last := ""
			if f.unfinished(run[n-1]) {
				last = `stroke-dasharray="4 3" `
			}
			f.stroke(run[n-2:], s, stroke, size, last)
		}
		run = nil
	}
	for i := range f.Labels {
		if known(s.at(i)) {
			run = append(run, i)
			continue
		}
		flush()
	}
	flush()
}

func (f *field) stroke(run []int, s Series, stroke colour, size int, attributes string) {
	if len(run) < 2 {
		return
	}
	points := make([]string, len(run))
	for i, bucket := range run {
		points[i] = px(f.x(bucket)) + "," + px(f.y(s.at(bucket)))
	}
	fmt.Fprintf(f, `<polyline points="%s" fill="none" stroke="%s" stroke-width="%d" stroke-linejoin="round" class="s-%s" %s/>`+"\n",
		strings.Join(points, " "), stroke.light, size, stroke.name, attributes)
}

func (f *field) dot(i int, s Series, fill colour, size int) {
	fmt.Fprintf(f, `<circle cx="%s" cy="%s" r="%d" fill="%s" class="f-%s"`, px(f.x(i)), px(f.y(s.at(i))), size, fill.light, fill.name)
	f.told("circle", f.Labels[i]+", "+s.Name+": "+f.Unit.Text(s.at(i)))
}
