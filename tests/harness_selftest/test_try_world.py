from datetime import timedelta
import time
def test_world(world):
    print(world.api.get("/cases").text[:300])
    r = world.web.get("/readyz"); print(r.status_code, r.text)
    t=time.time()
    world.kill_workers(); world.restart_workers()
    world.clock.advance(timedelta(days=1))
    print(world.web.get("/readyz").text, time.time()-t)
    with world.without_queue():
        assert world.eventually(lambda: world.web.get("/healthz").status_code == 200)
    print(world.logs()[-6000:])
    for p in world.processes: print(p.name, p.running, p.stop() if p.running else None)
def test_any(any_database_url):
    print(any_database_url)
