package llm

import (
	"slices"
	"strconv"
)

// listed reads an object in the place of a list of objects: each element under
// its number, as PHP writes a list that has lost elements, or the only element.
// read is called where an element comes next, with its number, -1 for the only
// one.
func (r *reader) listed(read func(number int)) {
	if !r.IsNumbered() {
		read(-1)
		return
	}
	for more := r.Object(); more; more = r.NextField() {
		if number, err := strconv.Atoi(string(r.Key)); err == nil && number >= 0 && r.Next() == '{' {
			read(number)
		}
	}
}

// Numbers gives the elements of a list that their server did not number, which
// are negative in of, the number of their place, or the least one that no other
// element has: a server may leave out 0.
func Numbers(of []int) {
	if len(of) == 0 || slices.Min(of) >= 0 {
		return
	}
	taken := make(map[int]bool, len(of))
	for _, number := range of {
		taken[number] = true
	}
	least := 0
	for i, number := range of {
		if number >= 0 {
			continue
		}
		of[i] = i
		for ; taken[of[i]]; least++ {
			of[i] = least
		}
		taken[of[i]] = true
	}
}

// place gives those of n choices theirs that have no number of the server's.
func place(n int, choice func(i int) (number *int, missing bool)) {
	if n == 1 {
		number, _ := choice(0)
		*number = max(*number, 0)
		return
	}
	numbers := make([]int, n)
	for i := range numbers {
		number, missing := choice(i)
		if numbers[i] = *number; missing {
			numbers[i] = -1
		}
	}
	Numbers(numbers)
	for i, n := range numbers {
		number, _ := choice(i)
		*number = n
	}
}
