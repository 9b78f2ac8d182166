package plot

const (
	rowHeight  = 24
	rowNames   = 120 // where the names of rows end
	nameLimit  = 17
	gridTop    = 56
	maxColumn  = 48
	gridBottom = 16
)

// SVG draws the grid, with the value in each field.
func (g Grid) SVG() []byte {
	height := gridTop + rowHeight*len(g.Rows) + gridBottom
	if !g.any() {
		return newCanvas(g.Head, timesHeight, "No data.").noData()
	}
	c := newCanvas(g.Head, height)
	column := min(float64(width-16-rowNames)/float64(len(g.Columns)), maxColumn)
	for i, name := range g.Columns {
		c.text(rowNames+column*(float64(i)+.5), gridTop-8, faint, `text-anchor="middle"`, name, int(max(column/letter, 2)))
	}
	highest := g.highest()
	for i, name := range g.Rows {
		y := float64(gridTop + rowHeight*i)
		c.text(rowNames-8, y+16, ink, `text-anchor="end"`, name, nameLimit)
		for j, v := range g.row(i) {
			told := name + ", " + g.Columns[j] + ": " + g.Unit.Text(v)
			x := rowNames + column*float64(j)
			if !known(v) {
				c.hollow(x, y, column-1, rowHeight-1, faint, told)
				c.text(x+column/2, y+16, faint, `font-size="10" text-anchor="middle"`, None, 1)
				continue
			}
			step := steps[stepOf(v, highest)]
			c.rect(x, y, column-1, rowHeight-1, step.field, told)
			c.text(x+(column-1)/2, y+16, step.text, `font-size="10" text-anchor="middle"`, g.Unit.short(v), 6)
		}
	}
	return c.end()
}

// row is the values of a row, at most one for each column.
func (g Grid) row(i int) []float64 {
	if i >= len(g.Cells) {
		return nil
	}
	return g.Cells[i][:min(len(g.Cells[i]), len(g.Columns))]
}

func (g Grid) any() bool {
	for i := range g.Rows {
		for _, v := range g.row(i) {
			if known(v) {
				return true
			}
		}
	}
	return false
}

func (g Grid) highest() (high float64) {
	for i := range g.Rows {
		for _, v := range g.row(i) {
			if known(v) {
				high = max(high, v)
			}
		}
	}
	return high
}

// stepOf is how dark a field is: the first step is for zero alone.
func stepOf(v, highest float64) int {
	if v <= 0 {
		return 0
	}
	return min(1+int(v/highest*float64(len(steps)-1)), len(steps)-1)
}
