import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.DecoderFactory;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteBufferDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * Keep the present picture: which cameras are open for which case now, and until when.
 *
 * <p>Reads camera-assignments by its published contract alone: Kafka's own client, Apache Avro, the schemas from the
 * read-only registry of a worker. Arguments: broker, registry, topic, after how many quiet seconds to end (0: never)
 * and print the picture as JSON, the moment it is of (UTC microseconds since the epoch; 0: now), and if you like a file
 * with the version of the schema to read all records as (else each is read as it was written).
 */
public final class PresentPicture {
    private final HttpClient http = HttpClient.newHttpClient();
    private final String registry;
    private final Schema readAs; // null: as it was written
    private final Map<Integer, Schema> schemas = new HashMap<>();
    private final Map<String, GenericRecord> newest = new TreeMap<>(); // by case: its highest (opened_us, version)

    private PresentPicture(String registry, Schema readAs) {
        this.registry = registry;
        this.readAs = readAs;
    }

    public static void main(String[] arguments) throws Exception {
        Schema readAs = arguments.length < 6 ? null : new Schema.Parser().parse(new File(arguments[5]));
        var picture = new PresentPicture(arguments[1], readAs);
        picture.read(arguments[0], arguments[2], Double.parseDouble(arguments[3]));
        long nowUs = Long.parseLong(arguments[4]);
        System.out.println(picture.json(nowUs == 0 ? System.currentTimeMillis() * 1000 : nowUs));
    }

    private void read(String broker, String topic, double quietS) throws Exception {
        var settings = new Properties();
        settings.put("bootstrap.servers", broker);
        settings.put("isolation.level", "read_committed");
        settings.put("enable.auto.commit", "false");
        try (var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new ByteBufferDeserializer())) {
            // From the beginning and all partitions: the topic is compacted, so that is the whole picture.
            List<TopicPartition> partitions = consumer.partitionsFor(topic).stream()
                    .map(p -> new TopicPartition(topic, p.partition())).toList();
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            long heardNs = System.nanoTime();
            while (quietS == 0 || System.nanoTime() - heardNs < quietS * 1e9) {
                for (var message : consumer.poll(Duration.ofMillis(100))) {
                    take(message.key(), message.value());
                    heardNs = System.nanoTime();
                }
            }
        }
    }

    private void take(String caseId, ByteBuffer value) throws Exception {
        if (value == null) {
            newest.remove(caseId); // tombstone: forgotten, or no longer addressed to this reader
            return;
        }
        GenericRecord assignment = decoded(value);
        GenericRecord known = newest.get(caseId);
        if (known == null || isNewer(assignment, known)) {
            newest.put(caseId, assignment);
            long decidedUs = (Long) assignment.get("decided_us");
            System.out.println(caseId + " " + assignment.get("status") + " "
                    + String.join(" ", openCameras(assignment, decidedUs).keySet()));
        }
    }

    private static boolean isNewer(GenericRecord one, GenericRecord other) {
        int opened = Long.compare((Long) one.get("opened_us"), (Long) other.get("opened_us"));
        return opened > 0 || opened == 0 && (Long) one.get("version") > (Long) other.get("version");
    }

    /** Decode the Confluent wire format: 0, the id of the writer's schema in four bytes, the Avro body. */
    private GenericRecord decoded(ByteBuffer value) throws Exception {
        if (value.get() != 0) {
            throw new IOException("not in the Confluent wire format");
        }
        Schema written = schema(value.getInt());
        byte[] body = new byte[value.remaining()];
        value.get(body);
        return new GenericDatumReader<GenericRecord>(written, readAs == null ? written : readAs)
                .read(null, DecoderFactory.get().binaryDecoder(body, null));
    }

    private Schema schema(int id) throws Exception {
        if (!schemas.containsKey(id)) {
            var request = HttpRequest.newBuilder(URI.create(registry + "/schemas/ids/" + id)).build();
            var answer = http.send(request, HttpResponse.BodyHandlers.ofString(StandardCharsets.UTF_8));
            if (answer.statusCode() != 200) {
                throw new IOException("the registry has no schema " + id + ": " + answer.body());
            }
            // The registry's answer is {"schema": "<the schema as text>"}.
            var text = new ObjectMapper().readTree(answer.body()).get("schema").asText();
            schemas.put(id, new Schema.Parser().parse(text));
        }
        return schemas.get(id);
    }

    /** Return until when each camera may be looked through: the lease's end, or an ending view's own. */
    private static Map<String, Long> openCameras(GenericRecord assignment, long nowUs) {
        var open = new TreeMap<String, Long>();
        long leaseUs = (Long) assignment.get("valid_until_us");
        for (Object item : (List<?>) assignment.get("cameras")) {
            var camera = (GenericRecord) item;
            // Records of before a field was added do not have it.
            Long ownUs = camera.hasField("until_us") ? (Long) camera.get("until_us") : null;
            long untilUs = ownUs == null ? leaseUs : Math.min(leaseUs, ownUs);
            if (untilUs > nowUs) {
                open.put(camera.get("camera_id").toString(), untilUs);
            }
        }
        return open;
    }

    private String json(long nowUs) throws IOException {
        var picture = new TreeMap<String, Map<String, Object>>();
        newest.forEach((caseId, assignment) -> picture.put(caseId, Map.of(
                "opened_us", assignment.get("opened_us"),
                "version", assignment.get("version"),
                "status", assignment.get("status").toString(),
                "exercise", assignment.get("exercise"),
                "cameras", openCameras(assignment, nowUs))));
        return new ObjectMapper().writeValueAsString(picture);
    }
}
