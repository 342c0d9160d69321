package vendor

// Row is what bindings know of a vendor.
type Row struct {
	Name    string   `json:"name"`
	BaseURL string   `json:"base_url,omitempty"`
	Hosts   []string `json:"hosts"` // its own origin's; a "*" stands for any text
}

// Rows lists the vendors as bindings see them; the result is the caller's own.
func Rows() []Row {
	rows := make([]Row, 0, len(vendors))
	for _, v := range vendors {
		rows = append(rows, Row{Name: v.name, BaseURL: v.baseURL, Hosts: append([]string{}, v.hosts...)})
	}
	return rows
}
