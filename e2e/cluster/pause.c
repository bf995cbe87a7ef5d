/* First process of every pod's sandbox: waits until it is told to go, and reaps what is left to
   it. Linked statically, so that its image holds nothing else. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void go(int number)
{
    (void)number;
    _exit(0);
}

static void reap(int number)
{
    (void)number;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        continue;
}

int main(void)
{
    struct sigaction told = {.sa_handler = go};
    struct sigaction left = {.sa_handler = reap, .sa_flags = SA_NOCLDSTOP};

    sigaction(SIGTERM, &told, NULL);
    sigaction(SIGINT, &told, NULL);
    sigaction(SIGCHLD, &left, NULL);
    for (;;)
        pause();
}
