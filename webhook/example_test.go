package webhook_test

import (
	"fmt"
	"time"

	"github.com/durahook/durahook/webhook"
)

func ExampleSigningSecret_Sign() {
	secret := webhook.SigningSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	payload := []byte(`{"test": 2432232314}`)
	signature, err := secret.Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), payload)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(webhook.HeaderSignature+":", signature)
	// Output: webhook-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=
}

func ExampleParseSchedule() {
	schedule, err := webhook.ParseSchedule("0s, 90s, 1h30m")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(schedule), "attempts, the gaps before them:", schedule.Strings())

	_, err = webhook.ParseSchedule("0s,soon")
	fmt.Println(err)
	// Output:
	// 3 attempts, the gaps before them: [0s 1m30s 1h30m]
	// "soon" is not a duration; use the form 0s,1m,5m,30m,2h,12h
}
