package catchup

import (
	"errors"
	"time"
)

// CheckPast refuses what reaches further back than Google lists, or not back at
// all.
func CheckPast(d time.Duration) error {
	if d <= 0 || d > Kept {
		return errors.New("it is from 1s to 28d, which is how long Google keeps events")
	}
	return nil
}
