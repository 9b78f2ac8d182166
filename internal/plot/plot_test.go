package plot_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/plot"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var none = math.NaN()

// drawn is what all kinds of plots are.
type drawn interface {
	SVG() []byte
	Table() []byte
}

func days(n int) plot.Buckets {
	b := plot.Buckets{Labels: make([]string, n)}
	for i := range b.Labels {
		b.Labels[i] = fmt.Sprintf("2026-11-%02d", i+1)
	}
	return b
}

// examples are plots of each kind: with a gap, one bucket that is watched in
// part, and a last one that goes on.
func examples() map[string]drawn {
	b := days(14)
	b.Gaps = make([]bool, 14)
	b.Gaps[8], b.Unfinished = true, true
	week := make([][]float64, 7)
	for i := range week {
		for h := range 24 {
			week[i] = append(week[i], float64((h*h+i*7)%23)*math.Sqrt2)
		}
	}
	week[6][3], week[0][0] = none, 0
	return map[string]drawn{
		"lines": plot.Lines{
			Head: plot.Head{Title: "People active", Description: "Distinct people who posted or reacted."}, Buckets: b,
			Series: []plot.Series{
				{Name: "day", Values: []float64{4, 5, 3, 0, none, none, 6, none, 5, 7, 8, 6, 9, 2}},
				{Name: "7 days", Values: []float64{12, 13, 13, 12, none, none, 14, none, 15, 15, 16, 16, 17, 17}},
				{Name: "28 days", Values: []float64{30, 30, 31, 31, none, none, 32, none, 32, 33, 34, 34, 36, 36}},
			},
		},
		"bars": plot.Bars{
			Head: plot.Head{Title: "Messages", Description: "Messages sent, by people and by apps."}, Buckets: b,
			Series: []plot.Series{
				{Name: "people", Values: []float64{400, 512, 380, 0, none, none, 650, none, 555, 720, 860, 640, 910, 240}},
				{Name: "apps", Values: []float64{40, 51, 38, 12, none, none, 65, none, 55, 72, 86, 64, 91, 24}},
			},
		},
		"mirrored": plot.Mirrored{
			Head: plot.Head{Title: "Joins and leaves", Description: "People who joined or left."}, Buckets: b, Net: "net",
			Up:   plot.Series{Name: "joined", Values: []float64{3, 0, 2, 8, none, none, 1, none, 0, 0, 5, 1, 2, 1}},
			Down: plot.Series{Name: "left", Values: []float64{1, 0, 0, 1, none, none, 4, none, 2, 0, 0, 1, 1, 0}},
		},
		"heatmap": plot.Grid{
			Head: plot.Head{Title: "Rhythm of the week", Description: "Mean messages an hour."},
			Rows: []string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}, Columns: hours(), Cells: week,
		},
		"cohorts": plot.Grid{
			Head: plot.Head{Title: "Retention", Description: "Share of joiners who were active in the weeks after.", Unit: plot.Share},
			Rows: []string{"2026-10-19 (12)", "2026-10-26 (8)", "2026-11-02 (0)", "2026-11-09 (20)"}, Columns: []string{"0", "1", "2", "3"},
			Cells: [][]float64{{.92, .58, .5, .42}, {1, .5, .25}, {none, none}, {.75}},
		},
		"empty": plot.Lines{Head: plot.Head{Title: "First response", Description: "How long it takes.", Unit: plot.Seconds}, Buckets: days(3)},
	}
}

func hours() (list []string) {
	for h := range 24 {
		list = append(list, fmt.Sprint(h))
	}
	return list
}

func TestGolden(t *testing.T) {
	t.Parallel()
	for name, p := range examples() {
		golden(t, name+".svg", plot.File(p.SVG()))
		golden(t, name+".html", p.Table())
	}
	golden(t, "spark.svg", plot.Spark(plot.Head{Title: "Messages", Description: "Of 7 days."}, []float64{1, 4, none, 2, none, 0, 3}))
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got; -update rewrites it):\n%s", file, diff)
	}
}

// element is one of an SVG or a table.
type element struct {
	name, text string
	attributes map[string]string
}

// read lists the elements of a document, which has to be well-formed.
func read(t *testing.T, document []byte) (list []element) {
	t.Helper()
	decoder := xml.NewDecoder(bytes.NewReader(document))
	var open []int
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		switch token := token.(type) {
		case xml.StartElement:
			e := element{name: token.Name.Local, attributes: map[string]string{}}
			for _, a := range token.Attr {
				e.attributes[a.Name.Local] = a.Value
			}
			open = append(open, len(list))
			list = append(list, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 {
				list[open[len(open)-1]].text += string(token)
			}
		default:
			t.Fatalf("%T in\n%s", token, document)
		}
	}
}

func named(list []element, name string) (found []element) {
	for _, e := range list {
		if e.name == name {
			found = append(found, e)
		}
	}
	return found
}

// titled are the titles of shapes, and of the whole.
func titled(list []element) (titles []string) {
	for _, e := range named(list, "title") {
		titles = append(titles, e.text)
	}
	return titles
}

// A line ends before what nobody knows, goes on after it, and never falls to zero.
func TestGapBreaksLine(t *testing.T) {
	t.Parallel()
	l := plot.Lines{Head: plot.Head{Title: "x"}, Buckets: days(6), Series: []plot.Series{{Name: "a", Values: []float64{5, 5, none, 5, none, 5}}}}
	list := read(t, l.SVG())
	lines, dots := named(list, "polyline"), named(list, "circle")
	if len(lines) != 1 || len(dots) != 2 {
		t.Fatalf("%d lines and %d dots, want 1 and 2: %s", len(lines), len(dots), l.SVG())
	}
	points := strings.Fields(lines[0].attributes["points"])
	_, y, _ := strings.Cut(points[0], ",")
	for _, p := range points {
		if !strings.HasSuffix(p, ","+y) {
			t.Errorf("the line of 5 and 5 goes through %v", points)
		}
	}
	for _, d := range dots {
		if d.attributes["cy"] != y {
			t.Errorf("5 is at %s in the line, and alone at %s", y, d.attributes["cy"])
		}
	}
	for _, want := range []string{"2026-11-03: no data", "2026-11-05: no data"} {
		if !slices.Contains(titled(list), want) {
			t.Errorf("no shade says %q: %q", want, titled(list))
		}
	}
	if desc := named(list, "desc")[0].text; !strings.Contains(desc, "No data: 2026-11-03, 2026-11-05.") {
		t.Errorf("it says %q", desc)
	}
}

// A bar of zero is seen and says so; there is none where nobody knows.
func TestZeroIsKnown(t *testing.T) {
	t.Parallel()
	b := plot.Bars{Head: plot.Head{Title: "x"}, Buckets: days(3), Series: []plot.Series{{Name: "a", Values: []float64{0, none, 7}}}}
	var got []string
	for _, title := range titled(read(t, b.SVG())) {
		if strings.HasPrefix(title, "2026") {
			got = append(got, title)
		}
	}
	if want := []string{"2026-11-02: no data", "2026-11-01, a: 0", "2026-11-03, a: 7"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if want := "<td>0</td><td></td>"; !strings.Contains(string(b.Table()), want) {
		t.Errorf("the table doesn't hold %s:\n%s", want, b.Table())
	}
	if want := "<td>—</td><td>no data</td>"; !strings.Contains(string(b.Table()), want) {
		t.Errorf("the table doesn't hold %s:\n%s", want, b.Table())
	}
}

// What was watched in part is drawn, and shaded.
func TestPartIsShaded(t *testing.T) {
	t.Parallel()
	b := days(3)
	b.Gaps = []bool{false, true, true}
	l := plot.Lines{Head: plot.Head{Title: "x"}, Buckets: b, Series: []plot.Series{{Name: "a", Values: []float64{1, 2, none}}}}
	if got := titled(read(t, l.SVG())); !slices.Contains(got, "2026-11-02: not fully watched") || !slices.Contains(got, "2026-11-03: no data") {
		t.Errorf("shades say %q", got)
	}
}

// The line to a bucket that goes on is dashed, its bar hollow.
func TestUnfinished(t *testing.T) {
	t.Parallel()
	b := days(3)
	b.Unfinished = true
	s := []plot.Series{{Name: "a", Values: []float64{1, 2, 3}}}
	lines := named(read(t, plot.Lines{Head: plot.Head{Title: "x"}, Buckets: b, Series: s}.SVG()), "polyline")
	if len(lines) != 2 || lines[0].attributes["stroke-dasharray"] != "" || lines[1].attributes["stroke-dasharray"] == "" {
		t.Errorf("got %v, want a line and a dashed one", lines)
	}
	list := read(t, plot.Bars{Head: plot.Head{Title: "x"}, Buckets: b, Series: s}.SVG())
	hollow := 0
	for _, r := range named(list, "rect") {
		if r.attributes["fill"] == "none" {
			hollow++
		}
	}
	if desc := named(list, "desc")[0].text; hollow != 1 || !strings.Contains(desc, "The last one, 2026-11-03, still goes on.") {
		t.Errorf("%d bars are hollow, and it says %q", hollow, desc)
	}
}

func TestNoData(t *testing.T) {
	t.Parallel()
	unknown := []plot.Series{{Name: "a", Values: []float64{none, math.Inf(1)}}}
	for name, p := range map[string]drawn{
		"no buckets":  plot.Lines{},
		"lines":       plot.Lines{Buckets: days(2), Series: unknown},
		"bars":        plot.Bars{Buckets: days(2), Series: unknown},
		"mirrored":    plot.Mirrored{Buckets: days(2), Up: unknown[0], Down: unknown[0]},
		"no rows":     plot.Grid{},
		"empty cells": plot.Grid{Rows: []string{"a"}, Columns: []string{"b"}, Cells: [][]float64{{none}}},
	} {
		list := read(t, p.SVG())
		shown := named(list, "text")
		if desc := named(list, "desc")[0].text; shown[len(shown)-1].text != "No data" || !strings.HasSuffix(desc, "No data.") {
			t.Errorf("%s: it shows %v and says %q", name, shown, desc)
		}
		if len(named(list, "polyline"))+len(named(list, "circle")) > 0 {
			t.Errorf("%s: something is drawn", name)
		}
		if !strings.Contains(string(p.Table()), "<td>No data</td>") {
			t.Errorf("%s: the table is %s", name, p.Table())
		}
	}
	if svg := string(plot.Spark(plot.Head{}, []float64{none})); !strings.Contains(svg, "No data.") {
		t.Errorf("the sparkline is %s", svg)
	}
}

// Whatever something is called, it stays text, in its place.
func TestHostileLabels(t *testing.T) {
	t.Parallel()
	const hostile = "\"'><script>alert(1)</script><![CDATA[ ]]> --> <!-- &amp;\x00\x1b\u202e\u2028\xff</title></svg></td>\n"
	const shown = `"'><script>alert(1)</script><![CDATA[ ]]> --> <!-- &amp;`
	h := plot.Head{Title: hostile, Description: hostile}
	b := plot.Buckets{Labels: []string{hostile, hostile}}
	s := []plot.Series{{Name: hostile, Values: []float64{1, none}}}
	harmless := []string{
		"svg", "title", "desc", "rect", "line", "text", "polyline", "circle", "table", "caption", "tr", "th", "td",
	}
	for name, p := range map[string]drawn{
		"lines": plot.Lines{h, b, s}, "bars": plot.Bars{h, b, s}, "mirrored": plot.Mirrored{h, b, s[0], s[0], hostile},
		"grid": plot.Grid{h, b.Labels, b.Labels, [][]float64{{1, none}}},
	} {
		for _, document := range [][]byte{p.SVG(), p.Table(), plot.Spark(h, []float64{1})} {
			list, found := read(t, document), 0
			for _, e := range list {
				if !slices.Contains(harmless, e.name) {
					t.Errorf("%s: it holds the element %s", name, e.name)
				}
				if strings.HasPrefix(e.text, shown) {
					found++
				}
				for attribute, value := range e.attributes {
					if strings.Contains(value, "script") || strings.HasPrefix(attribute, "on") {
						t.Errorf("%s: it holds %s=%q", name, attribute, value)
					}
				}
				if strings.ContainsAny(e.text, "\x00\x1b\u202e\u2028") {
					t.Errorf("%s: %q", name, e.text)
				}
			}
			if found == 0 {
				t.Errorf("%s: the text is nowhere to be read", name)
			}
		}
	}
}

// Everything has a role, a title and a description, first of all.
func TestAccessible(t *testing.T) {
	t.Parallel()
	for name, p := range examples() {
		list := read(t, p.SVG())
		if list[0].attributes["role"] != "img" || list[1].name != "title" || list[1].text == "" || list[2].name != "desc" || list[2].text == "" {
			t.Errorf("%s begins with %v", name, list[:3])
		}
		table := read(t, p.Table())
		if table[1].name != "caption" || table[1].text != list[1].text {
			t.Errorf("%s: the table begins with %v", name, table[:2])
		}
	}
}

func TestBlocks(t *testing.T) {
	t.Parallel()
	for want, values := range map[string][]float64{
		"": nil, "▁▁": {0, 0}, "·": {none}, "▁▃▅█·▁": {0, 1, 4, 8, none, 0}, "█": {3}, "▂█": {1e-9, 1e9},
	} {
		if got := plot.Blocks(values); got != want {
			t.Errorf("%v: got %s, want %s", values, got, want)
		}
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		unit  plot.Unit
		value float64
		want  string
	}{
		{plot.Count, 0, "0"},
		{plot.Count, none, "—"},
		{plot.Count, math.Inf(-1), "—"},
		{plot.Count, 2.5, "2.5"},
		{plot.Count, 99.999, "100"},
		{plot.Count, 999.5, "1,000"},
		{plot.Count, 1234567, "1,234,567"},
		{plot.Count, -1234, "-1,234"},
		{plot.Count, -0.001, "0"},
		{plot.Share, .4213, "42.1%"},
		{plot.Share, 1, "100%"},
		{plot.Share, 12.5, "1,250%"},
		{plot.Seconds, 0, "0s"},
		{plot.Seconds, .25, "0.2s"},
		{plot.Seconds, 9.96, "10s"},
		{plot.Seconds, 59.7, "1m"},
		{plot.Seconds, 61, "1m1s"},
		{plot.Seconds, 3599.9, "1h"},
		{plot.Seconds, 11100, "3h5m"},
		{plot.Seconds, 86399, "1d"},
		{plot.Seconds, 90000, "1d1h"},
		{plot.Seconds, -61, "-1m1s"},
		{plot.Seconds, 86400 * 1500, "1,500d"},
	} {
		if got := test.unit.Text(test.value); got != test.want {
			t.Errorf("%v in unit %d: got %q, want %q", test.value, test.unit, got, test.want)
		}
	}
}
