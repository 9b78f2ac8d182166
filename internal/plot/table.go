package plot

import "strings"

// Table is the numbers of the lines as an HTML table.
func (l Lines) Table() []byte { return timesTable(l.Head, l.Buckets, l.Series) }

// Table is the numbers of the bars as an HTML table.
func (b Bars) Table() []byte { return timesTable(b.Head, b.Buckets, b.Series) }

// Table is the numbers of both directions, and of the line, as an HTML table.
func (m Mirrored) Table() []byte {
	return timesTable(m.Head, m.Buckets, []Series{m.Up, m.Down, m.net()})
}

func timesTable(h Head, b Buckets, list []Series) []byte {
	if nothing(list) {
		return table(h.Title, nil, nil)
	}
	watched := make([]string, len(b.Labels))
	for _, g := range findGaps(b, list) {
		for i := g.from; i < g.to; i++ {
			watched[i] = "not fully watched"
			if g.empty {
				watched[i] = noDataWords
			}
		}
	}
	if b.Unfinished && len(watched) > 0 {
		last := &watched[len(watched)-1]
		*last = strings.TrimPrefix(*last+", still goes on", ", ")
	}
	var rows [][]string
	for i, label := range b.Labels {
		row := []string{label}
		for _, s := range list {
			row = append(row, h.Unit.Text(s.at(i)))
		}
		rows = append(rows, append(row, watched[i]))
	}
	return table(h.Title, append(append([]string{""}, names(list)...), "note"), rows)
}

// Table is the numbers of the grid as an HTML table.
func (g Grid) Table() []byte {
	if !g.any() {
		return table(g.Title, nil, nil)
	}
	var rows [][]string
	for i, name := range g.Rows {
		row := []string{name}
		for _, v := range g.row(i) {
			row = append(row, g.Unit.Text(v))
		}
		rows = append(rows, row)
	}
	return table(g.Title, append([]string{""}, g.Columns...), rows)
}

// table writes one whose rows each begin with their name; without rows it says
// that there is no data.
func table(title string, head []string, rows [][]string) []byte {
	var b strings.Builder
	b.WriteString("<table>\n<caption>" + escape(title) + "</caption>\n")
	cells := func(row []string, scope func(i int) string) {
		b.WriteString("<tr>")
		for i, text := range row {
			if s := scope(i); s != "" {
				b.WriteString(`<th scope="` + s + `">` + escape(text) + "</th>")
			} else {
				b.WriteString("<td>" + escape(text) + "</td>")
			}
		}
		b.WriteString("</tr>\n")
	}
	if len(rows) == 0 {
		b.WriteString("<tr><td>No data</td></tr>\n")
	} else {
		cells(head, func(int) string { return "col" })
	}
	for _, row := range rows {
		cells(row, func(i int) string {
			if i == 0 {
				return "row"
			}
			return ""
		})
	}
	b.WriteString("</table>\n")
	return []byte(b.String())
}
