package plot

import "math"

// maxTicks is into how many steps an axis is divided.
const maxTicks = 5

// axis is the range of the values, and where it is marked.
type axis struct {
	low, high float64
	ticks     []float64
}

// newAxis holds zero and all that is known, and ends at marks.
func newAxis(u Unit, values ...[]float64) axis {
	var low, high float64
	whole := u == Count // people and messages have no fifths
	for _, list := range values {
		for _, v := range list {
			if known(v) {
				low, high = min(low, v), max(high, v)
				whole = whole && v == math.Trunc(v)
			}
		}
	}
	if high-low < 1e-9 {
		high = 1
	}
	step := niceStep(u, high-low)
	if whole {
		step = max(step, 1)
	}
	first, last := math.Floor(low/step), math.Ceil(high/step)
	a := axis{low: first * step, high: last * step}
	for n := first; n <= last; n++ {
		a.ticks = append(a.ticks, n*step)
	}
	return a
}

// niceStep is a round number that divides a range into at most maxTicks steps.
func niceStep(u Unit, size float64) float64 {
	least := size / maxTicks
	if u == Seconds && least > 1 {
		for _, step := range []float64{5, 15, 30, 60, 300, 900, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86400} {
			if step >= least {
				return step
			}
		}
		return 86400 * niceStep(Count, size/86400)
	}
	power := math.Pow(10, math.Floor(math.Log10(least)))
	for _, factor := range []float64{1, 2, 5, 10} {
		if step := factor * power; step >= least*(1-1e-9) {
			return step
		}
	}
	return 10 * power
}
