package plot

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// luminance is that of WCAG 2.
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	var parts [3]int
	if _, err := fmt.Sscanf(hex, "#%02x%02x%02x", &parts[0], &parts[1], &parts[2]); err != nil || len(hex) != 7 {
		t.Fatalf("%q is no colour", hex)
	}
	var total float64
	for i, weight := range []float64{.2126, .7152, .0722} {
		v := float64(parts[i]) / 255
		if v <= .04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+.055)/1.055, 2.4)
		}
		total += weight * v
	}
	return total
}

func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	la, lb := luminance(t, a), luminance(t, b)
	return (max(la, lb) + .05) / (min(la, lb) + .05)
}

// What has to be read has a contrast of 4.5, what has to be seen one of 3, on
// everything that it stands on, in both themes.
func TestContrast(t *testing.T) {
	t.Parallel()
	check := func(least float64, on colour, list ...colour) {
		for _, c := range list {
			for theme, got := range map[string]float64{"light": contrast(t, c.light, on.light), "dark": contrast(t, c.dark, on.dark)} {
				if got < least {
					t.Errorf("%s: %s on %s has a contrast of %.2f, want %v", theme, c.name, on.name, got, least)
				}
			}
		}
	}
	for _, on := range []colour{ground, shade} {
		check(4.5, on, ink, faint)
		check(3, on, series...)
	}
	for i, s := range steps {
		check(4.5, s.field, s.text)
		if i > 0 && contrast(t, s.field.light, steps[i-1].field.light) < 1.15 {
			t.Errorf("%s is like the step before", s.field.name)
		}
	}
	if got := contrast(t, "#ffffff", "#000000"); math.Abs(got-21) > .01 {
		t.Errorf("white on black is %v: the test is wrong", got)
	}
}

// Each class that is used is one of the style's, and each attribute the light
// colour of its class.
func TestStyleKnowsAll(t *testing.T) {
	t.Parallel()
	style := Style()
	for _, c := range colours() {
		for _, want := range []string{"--plot-" + c.name + ":" + c.light, "--plot-" + c.name + ":" + c.dark, ".f-" + c.name + "{", ".s-" + c.name + "{"} {
			if strings.Count(style, want) == 0 {
				t.Errorf("the style lacks %s", want)
			}
		}
	}
}

// An axis holds what it has to, from round number to round number, and zero.
func TestAxis(t *testing.T) {
	t.Parallel()
	for _, unit := range []Unit{Count, Share, Seconds} {
		for _, low := range []float64{0, -1, -3.7, -1e6} {
			for _, high := range []float64{0, 1e-12, .003, .9, 1, 7, 10, 61, 99.5, 1234, 86401, 3e6, 9e14} {
				a := newAxis(unit, []float64{low, high, math.NaN()})
				if a.low > low || a.high < high || len(a.ticks) < 2 || len(a.ticks) > maxTicks+2 {
					t.Errorf("%d: %v to %v has ticks %v", unit, low, high, a.ticks)
				}
				zero := false
				for i, tick := range a.ticks {
					zero = zero || tick == 0
					if i > 0 && tick <= a.ticks[i-1] {
						t.Errorf("%v to %v has ticks %v", low, high, a.ticks)
					}
				}
				if !zero {
					t.Errorf("%v to %v has no zero: %v", low, high, a.ticks)
				}
			}
		}
	}
	for want, a := range map[string]axis{
		"[0 2 4 6 8]":              newAxis(Count, []float64{7}),
		"[0 1800 3600 5400 7200]":  newAxis(Seconds, []float64{7000}),
		"[0 1]":                    newAxis(Count, []float64{math.NaN(), 1}),
		"[0 0.5 1 1.5]":            newAxis(Count, []float64{1.5}),
		"[-5 0 5 10]":              newAxis(Count, []float64{-3, 10}),
		"[0 86400 172800 259200]":  newAxis(Seconds, []float64{250_000}),
		"[0 200000 400000 600000]": newAxis(Count, []float64{543_210}),
	} {
		if got := fmt.Sprint(a.ticks); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
