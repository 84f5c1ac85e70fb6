package bench

import (
	"testing"

	"github.com/durahook/durahook/internal/testdb"
)

func TestMain(m *testing.M) { testdb.Main(m) }
