package target_test

// kind is what an address is to the guard.
type kind int

const (
	public   kind = iota // may be sent to, over HTTPS
	loopback             // this machine; development may send to it
	inside               // nobody's endpoint: private, link-local, reserved, multicast, …
)

// addresses are hosts as they stand in a URL, all of them addresses that need no DNS.
var addresses = map[string]kind{
	"127.0.0.1":                   loopback,
	"127.0.0.2":                   loopback,
	"127.255.255.255":             loopback,
	"[::1]":                       loopback,
	"[0:0:0:0:0:0:0:1]":           loopback,
	"[::ffff:127.0.0.1]":          loopback, // IPv4-mapped
	"[::ffff:7f00:1]":             loopback,
	"[0:0:0:0:0:ffff:7f00:1]":     loopback,
	"[::1%25lo]":                  inside, // nobody needs a zone for it
	"[::ffff:127.0.0.1%25lo]":     inside,
	"0.0.0.0":                     inside, // means this machine on Linux
	"[::]":                        inside,
	"0.1.2.3":                     inside,
	"10.0.0.1":                    inside,
	"10.255.255.255":              inside,
	"172.16.0.1":                  inside,
	"172.31.255.255":              inside,
	"192.168.1.1":                 inside,
	"[::ffff:10.0.0.1]":           inside,
	"[::ffff:a9fe:a9fe]":          inside, // 169.254.169.254
	"100.64.0.1":                  inside, // carrier-grade NAT
	"100.100.100.200":             inside, // metadata of Alibaba Cloud
	"169.254.169.254":             inside, // metadata of AWS, GCP, Azure
	"169.254.170.2":               inside, // metadata of ECS
	"[fd00:ec2::254]":             inside, // metadata of AWS
	"192.0.0.192":                 inside, // metadata of Oracle Cloud
	"168.63.129.16":               inside, // WireServer of Azure, in a public range
	"192.0.0.1":                   inside,
	"192.0.2.1":                   inside, // documentation
	"198.51.100.1":                inside,
	"203.0.113.7":                 inside,
	"198.18.0.1":                  inside, // benchmarks
	"192.88.99.1":                 inside, // 6to4 relays
	"224.0.0.1":                   inside, // multicast
	"239.255.255.250":             inside,
	"240.0.0.1":                   inside,
	"255.255.255.255":             inside,
	"[fe80::1]":                   inside, // link-local
	"[fe80::1%25eth0]":            inside,
	"[fec0::1]":                   inside, // site-local
	"[fc00::1]":                   inside, // unique local
	"[fdff::1]":                   inside,
	"[ff02::1]":                   inside, // multicast
	"[::127.0.0.1]":               inside, // IPv4-compatible
	"[64:ff9b::7f00:1]":           inside, // NAT64
	"[64:ff9b::8.8.8.8]":          inside,
	"[64:ff9b:1::1]":              inside,
	"[2002:7f00:1::]":             inside, // 6to4 of 127.0.0.1
	"[2002:808:808::1]":           inside,
	"[2001::1]":                   inside, // Teredo
	"[2001:db8::1]":               inside, // documentation
	"[3fff::1]":                   inside,
	"[100::1]":                    inside, // discard
	"[5f00::1]":                   inside, // segment routing
	"[fd20:ce::254]":              inside, // metadata of Google Cloud
	"[2606:4700::5efe:a00:1]":     inside, // ISATAP of 10.0.0.1
	"[2606:4700::200:5efe:a00:1]": inside,
	"192.31.196.1":                inside, // AS112
	"192.52.193.1":                inside, // AMT
	"192.175.48.1":                inside, // AS112
	"[2620:4f:8000::1]":           inside,
	"[2606:4700::1%25eth0]":       inside, // zones are for the machine's own links
	"8.8.8.8":                     public,
	"1.1.1.1":                     public,
	"172.15.255.255":              public, // one short of a private block
	"172.32.0.1":                  public,
	"100.63.255.255":              public,
	"100.128.0.1":                 public,
	"126.255.255.255":             public,
	"128.0.0.1":                   public,
	"223.255.255.255":             public,
	"[::ffff:8.8.8.8]":            public,
	"[2606:4700:4700::1111]":      public,
	"[2a00:1450:4001:830::200e]":  public,
}
