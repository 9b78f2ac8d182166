// Package plot draws numbers as SVG, and as bars of Unicode characters for a
// terminal: lines, stacked and mirrored bars, grids (a week by hours, cohorts)
// and sparklines.
//
// It promises that what nobody knows is never drawn as zero: a NaN breaks a
// line, leaves a bar out, and shades the bucket in which no series knows
// anything; a plot without any number says "no data". The same numbers give
// the same bytes. Texts of others can't leave the place that they are put in.
// Each plot is readable without colours and without CSS: it has a title, a
// description in words, and the same numbers as an HTML table.
//
// The caller brings values in the order of their buckets, and says which
// buckets were not fully watched. An SVG is for a page that has [Style];
// [File] makes it one that stands alone. Nothing here can fail.
package plot

// Head is what each plot says of itself.
type Head struct {
	Title       string
	Description string // a sentence that says what is counted
	Unit        Unit
}

// Buckets are the times that a plot goes along, such as days.
type Buckets struct {
	Labels     []string
	Gaps       []bool // buckets that were not fully watched: shaded; nil for none
	Unfinished bool   // the last bucket still goes on: dashed, or hollow
}

// Series is a value for each bucket; NaN where nobody knows it.
type Series struct {
	Name   string
	Values []float64
}

// Lines is a line for each series.
type Lines struct {
	Head
	Buckets
	Series []Series
}

// Bars is a bar for each bucket, made of all series on top of each other.
type Bars struct {
	Head
	Buckets
	Series []Series
}

// Mirrored is a bar upwards and one downwards for each bucket, and a line of
// what the first has more than the second.
type Mirrored struct {
	Head
	Buckets
	Up, Down Series
	Net      string // name of the line
}

// Grid is a field for each row and column, the darker the more. A row may end
// early: what follows there doesn't exist yet, as in a triangle of cohorts.
type Grid struct {
	Head
	Rows, Columns []string
	Cells         [][]float64
}
