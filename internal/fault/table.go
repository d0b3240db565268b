package fault

func Lookup(code Code) (int, bool) { return 0, true }
