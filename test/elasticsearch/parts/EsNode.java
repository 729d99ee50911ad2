import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Map;
import java.util.Set;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.http.HttpServerTransport;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.PluginsLoader;

/**
 * Starts one real Elasticsearch node on loopback: {@code EsNode HOME MODULES [setting=value ...]}. It prints
 * {@code READY port} and runs until its standard input ends, so that it never outlives the process that started it.
 * HOME is removed at the end.
 */
public class EsNode {
    public static void main(String[] args) throws Exception {
        Path home = Paths.get(args[0]).toAbsolutePath();
        Thread watch = new Thread(() -> awaitEnd(home), "stdin");
        watch.setDaemon(true);
        watch.start();
        for (String folder : new String[] {"config", "plugins", "logs"}) {
            Files.createDirectories(home.resolve(folder));
        }
        System.setProperty("es.path.home", home.toString());
        System.setProperty("es.path.conf", home.resolve("config").toString());
        Settings.Builder settings = Settings.builder()
            .put("path.home", home.toString())
            .put("path.data", home.resolve("data").toString())
            .put("path.logs", home.resolve("logs").toString())
            .put("cluster.name", "test")
            .put("node.name", "n1")
            .put("network.host", "127.0.0.1")
            .put("http.port", "0")
            .put("transport.port", "0")
            .put("discovery.type", "single-node")
            .put("cluster.max_shards_per_node", "10000")
            .put("cluster.routing.allocation.disk.threshold_enabled", "false")
            .put("xpack.security.enabled", "false");
        for (int i = 2; i < args.length; i++) {
            String[] pair = args[i].split("=", 2);
            settings.put(pair[0], pair[1]);
        }
        LogConfigurator.configureESLogging();
        LogConfigurator.configureWithoutConfig(settings.build());
        Environment environment = InternalSettingsPreparer.prepareEnvironment(
            settings.build(), Map.of(), home.resolve("config"), () -> "n1");
        // false: no module layer, because the server jars are on a flat class path
        PluginsLoader plugins = PluginsLoader.createPluginsLoader(
            PluginsLoader.loadModulesBundles(Paths.get(args[1]).toAbsolutePath()), Set.of(), Map.of(), false);
        Node node = new Node(environment, plugins);
        node.start();
        int port = node.injector().getInstance(HttpServerTransport.class).boundAddress().publishAddress().getPort();
        System.out.println("READY " + port);
        System.out.flush();
        Thread.currentThread().join();
    }

    private static void awaitEnd(Path home) {
        try {
            while (System.in.read() >= 0) {
                // only the end matters
            }
        } catch (IOException e) {
            // as good as the end
        }
        // The data is thrown away, so nothing has to be closed.
        for (int attempt = 0; attempt < 3 && Files.exists(home); attempt++) {
            remove(home);
        }
        Runtime.getRuntime().halt(0);
    }

    private static void remove(Path root) {
        try {
            Files.walkFileTree(root, new SimpleFileVisitor<Path>() {
                @Override
                public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                    Files.deleteIfExists(file);
                    return FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult visitFileFailed(Path file, IOException e) {
                    return FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult postVisitDirectory(Path folder, IOException e) throws IOException {
                    Files.deleteIfExists(folder);
                    return FileVisitResult.CONTINUE;
                }
            });
        } catch (IOException e) {
            // tried again
        }
    }
}
