package plot

import (
	"bytes"
	"fmt"
	"strings"
)

// colour is one by its use. An SVG has the light one as an attribute, which is
// what is seen where nobody knows CSS; its class has both as a variable.
type colour struct {
	name, light, dark string
}

// Colours differ in lightness, too, and never say alone what a text or a form
// doesn't say as well.
var (
	ground = colour{"ground", "#ffffff", "#16191d"}
	ink    = colour{"ink", "#1f2328", "#e6e8eb"}
	faint  = colour{"faint", "#57606a", "#a3abb4"} // marks of axes, edges of gaps
	rule   = colour{"rule", "#d9dee3", "#33393f"}  // a help for the eye: nothing depends on it
	shade  = colour{"shade", "#eef0f2", "#252a30"} // of what wasn't watched
	series = []colour{
		{"1", "#0b5fb0", "#63aef2"},
		{"2", "#a84a00", "#f0a35c"},
		{"3", "#00755a", "#45c4a0"},
		{"4", "#8a2f8f", "#d793dc"},
	}
	// steps are the fields of a grid, and what is written on them.
	steps = []struct{ field, text colour }{
		{colour{"q0", "#f3f6f9", "#1e242a"}, colour{"t0", "#1f2328", "#e6e8eb"}},
		{colour{"q1", "#cfe3f5", "#17395a"}, colour{"t1", "#1f2328", "#e6e8eb"}},
		{colour{"q2", "#8fbfe8", "#1d578c"}, colour{"t2", "#1f2328", "#ffffff"}},
		{colour{"q3", "#2b78c2", "#5ea7e6"}, colour{"t3", "#ffffff", "#10141a"}},
		{colour{"q4", "#0b3f78", "#b5daf8"}, colour{"t4", "#ffffff", "#10141a"}},
	}
)

func colours() []colour {
	all := append([]colour{ground, ink, faint, rule, shade}, series...)
	for _, s := range steps {
		all = append(all, s.field, s.text)
	}
	return all
}

// Style is the CSS of plots: a light and a dark theme, by variables that a page
// may set otherwise.
func Style() string {
	var light, dark, classes strings.Builder
	for _, c := range colours() {
		fmt.Fprintf(&light, "--plot-%s:%s;", c.name, c.light)
		fmt.Fprintf(&dark, "--plot-%s:%s;", c.name, c.dark)
		fmt.Fprintf(&classes, ".plot .f-%s{fill:var(--plot-%[1]s)}.plot .s-%[1]s{stroke:var(--plot-%[1]s)}\n", c.name)
	}
	return fmt.Sprintf(":root{%s}\n@media (prefers-color-scheme:dark){:root{%s}}\n%s", &light, &dark, &classes)
}

// File is an SVG that stands alone: with [Style].
func File(svg []byte) []byte {
	return bytes.Replace(svg, []byte(">\n"), []byte(">\n<style>\n"+Style()+"</style>\n"), 1)
}
