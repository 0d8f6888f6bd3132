import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import java.util.List;

/** Stands in for mongod where there is none: speaks its protocol on `PORT` of loopback and keeps the data in `FILE`. */
public class Mongo {
    public static void main(String[] args) {
        MongoVersion six = new MongoVersion() {
            public List<Integer> getVersionArray() { return List.of(6, 0, 0); }
            public int getWireVersion() { return 17; }
        };
        MongoServer server = new MongoServer(new H2Backend(args[1]).version(six));
        server.bind("127.0.0.1", Integer.parseInt(args[0]));
        Runtime.getRuntime().addShutdownHook(new Thread(server::shutdownNow));
        System.out.println("ready on " + server.getLocalAddress());
    }
}
