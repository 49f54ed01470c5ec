"""The clock and the threads: the only place that waits.

clock        APScheduler as an alarm clock
embedded     web, schedule and sender in one process
distributed  a worker among several, and the doorbells that call it
logbook      the service's log
signals      SIGTERM and SIGINT as a question
"""
