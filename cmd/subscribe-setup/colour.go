package main

// colour is a parameter of the terminal sequence that begins it; "" for none.
type colour string

const (
	plain  colour = ""
	red    colour = "31"
	green  colour = "32"
	yellow colour = "33"
	cyan   colour = "36"
	faint  colour = "2"
)

// painted is the text in the colour, on a terminal that shows any.
func (e *environment) painted(c colour, text string) string {
	if c == plain || !e.paints || text == "" {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}
