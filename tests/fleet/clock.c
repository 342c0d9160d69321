/* What the kernel's vDSO says of the time, but with a wall clock that is SHIFT seconds off. See elsewhen.py. */

#include <sys/syscall.h>
#include <time.h>

#if defined __x86_64__
#define CLOCK_GETTIME __vdso_clock_gettime
#elif defined __aarch64__
#define CLOCK_GETTIME __kernel_clock_gettime
#endif

static long ask(long clock, struct timespec *now)
{
#if defined __x86_64__
	long said;
	__asm__ volatile("syscall" : "=a"(said) : "a"(SYS_clock_gettime), "D"(clock), "S"(now) : "rcx", "r11", "memory");
	return said;
#else
	register long number __asm__("x8") = SYS_clock_gettime, x0 __asm__("x0") = clock;
	register struct timespec *x1 __asm__("x1") = now;
	__asm__ volatile("svc 0" : "+r"(x0) : "r"(number), "r"(x1) : "memory");
	return x0;
#endif
}

int CLOCK_GETTIME(clockid_t clock, struct timespec *now)
{
	long said = ask(clock, now);
	if (said == 0 && clock == CLOCK_REALTIME)
		now->tv_sec += SHIFT;
	return said;
}
